-- What the sidecars have yet to say, and bytes that nobody knows.

INSERT INTO sidecar_due (gunid) VALUES (NULL), ('0190163d-8694-739b-aea5-966c26f8ad91');

INSERT INTO unclaimed_content VALUES (sha256('unclaimed'));
