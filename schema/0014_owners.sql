-- What somebody owns is counted where there is a quota, and let go of when they are removed.
CREATE INDEX clip_owner ON clip (owner_id);
