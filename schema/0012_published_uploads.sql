-- Uploads that a clip was made of, so that a client which missed the answer may ask again.

CREATE TABLE published_upload (  -- kept as long after it as an unused upload is
    token        text PRIMARY KEY,
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    gunid        uuid NOT NULL,  -- no foreign key: the clip may be deleted since
    published_at timestamptz NOT NULL
);
CREATE INDEX published_upload_of_user ON published_upload (user_id);
CREATE INDEX published_upload_at ON published_upload (published_at);
