-- What the probe says of the bytes received, as services/probing.py writes it. It is kept together
-- with their digests, when a request has brought the last of them, and holds as long as they do:
-- Close need not examine them again. NULL: nobody has.
ALTER TABLE upload ADD verdict text;
