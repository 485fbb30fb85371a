-- What each webhook still has to be told. Kept when the rest is rebuilt.
CREATE TABLE webhook_deliveries (
    -- The name of the webhook in the configuration.
    webhook TEXT NOT NULL,
    change_id BIGINT NOT NULL,
    -- What is sent, the same each time.
    body TEXT NOT NULL,
    -- `waiting`, `dead`. What was delivered has no row.
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it is tried next, in microseconds since 1970; while it is being tried, when the attempt
    -- counts as lost.
    due_us BIGINT NOT NULL,
    -- How the last attempt ended.
    outcome TEXT NOT NULL,
    PRIMARY KEY (webhook, change_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, state, due_us);
