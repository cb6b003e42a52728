-- Users, their sessions, and what slows down guessing.

CREATE TABLE users (  -- plural: USER is a reserved word
    user_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL CONSTRAINT users_login_is_unique UNIQUE
                  CONSTRAINT users_login_has_a_length CHECK (length(login) BETWEEN 1 AND 255),
    password_hash text NOT NULL,  -- Argon2id, as passlib writes it
    role          text NOT NULL
                  CONSTRAINT users_role_is_known CHECK (role IN ('client', 'maintainer', 'admin')),
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE session (
    digest       bytea PRIMARY KEY,  -- SHA-256 of the session id; the id itself is not kept
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_last_used ON session (last_used_at);

-- Wrong passwords, counted per key: a user, an address, or a user at an address they are known at.
CREATE TABLE login_failure (
    key           text PRIMARY KEY,
    failures      integer NOT NULL,
    last_failed_at timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);

-- Where a user has logged in from before: guesses made elsewhere do not slow them down there.
CREATE TABLE known_address (
    user_id       integer NOT NULL REFERENCES users ON DELETE CASCADE,
    address       text NOT NULL,
    last_login_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, address)
);
