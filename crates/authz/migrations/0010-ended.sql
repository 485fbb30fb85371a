-- When each event was told, which may be long after it happened; and what finds what ended lately.
ALTER TABLE authz_epochs ADD COLUMN told_s BIGINT NOT NULL DEFAULT 0;
CREATE INDEX authz_epochs_by_time ON authz_epochs (told_s);
CREATE INDEX authz_grants_by_end ON authz_grants (revoked_s);
CREATE INDEX authz_grants_by_subject ON authz_grants (subject_iss, subject_sub);
