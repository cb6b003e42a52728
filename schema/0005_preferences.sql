-- What clients keep for a user or a group between sessions.

CREATE TABLE user_preference (
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    key     text NOT NULL,
    value   text NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE TABLE group_preference (
    group_id integer NOT NULL REFERENCES user_group ON DELETE CASCADE,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (group_id, key)
);
