-- What clients keep for a user or a group between sessions.

CREATE TABLE user_preference (
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    key     text NOT NULL
            CONSTRAINT user_preference_key_has_a_length CHECK (length(key) BETWEEN 1 AND 255),
    value   text NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE TABLE group_preference (
    group_id integer NOT NULL REFERENCES user_group ON DELETE CASCADE,
    key      text NOT NULL
             CONSTRAINT group_preference_key_has_a_length CHECK (length(key) BETWEEN 1 AND 255),
    value    text NOT NULL,
    PRIMARY KEY (group_id, key)
);

-- What the classic clients expect to find, now and when the archive is reset.
CREATE FUNCTION add_first_preferences() RETURNS void LANGUAGE sql AS $$
    INSERT INTO group_preference (group_id, key, value)
    SELECT group_id, 'stationName', 'Radio Station 1' FROM user_group WHERE name = 'StationPrefs';
$$;
SELECT add_first_preferences();
