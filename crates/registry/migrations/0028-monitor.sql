-- Every surface that was stated as seen, for whoever compares views. Part of what the projection
-- writes.
CREATE TABLE looks (
    position BIGINT NOT NULL PRIMARY KEY,
    server TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    authorization_class TEXT NOT NULL,
    protocol_version TEXT NOT NULL,
    observer TEXT NOT NULL,
    vantage TEXT NOT NULL,
    client TEXT NOT NULL,
    semantic TEXT NOT NULL,
    ttl_ms BIGINT,
    time_us BIGINT NOT NULL
);
CREATE INDEX looks_of_endpoint ON looks (server, endpoint, position);

-- Who authorizes for live servers, as they said last. Part of what the projection writes.
CREATE TABLE authorizations (
    server TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- A JSON array of issuers.
    issuers TEXT NOT NULL,
    object TEXT,
    PRIMARY KEY (server, endpoint)
);

-- ---------------------------------------------------------------- kept when the rest is rebuilt

-- What was seen last of what may not leave this registry.
CREATE TABLE private_surfaces (
    server TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    authorization_class TEXT NOT NULL,
    client TEXT NOT NULL,
    exact TEXT NOT NULL,
    semantic TEXT NOT NULL,
    document TEXT NOT NULL,
    time_us BIGINT NOT NULL,
    PRIMARY KEY (server, endpoint, authorization_class, client)
);

-- When each endpoint is looked at again.
CREATE TABLE look_schedule (
    server TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    authorization_class TEXT NOT NULL,
    client TEXT NOT NULL,
    next_us BIGINT NOT NULL,
    PRIMARY KEY (server, endpoint, authorization_class, client)
);

-- When each proof of a namespace is checked again, and since when it fails.
CREATE TABLE proof_schedule (
    server TEXT NOT NULL,
    method TEXT NOT NULL,
    subject TEXT NOT NULL,
    next_us BIGINT NOT NULL,
    -- Since when both resolvers say that it is gone; 0 if they do not.
    absent_us BIGINT NOT NULL,
    PRIMARY KEY (server, method, subject)
);
