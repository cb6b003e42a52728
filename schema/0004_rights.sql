-- Groups, who is in them, and rules about who may do what.

CREATE TABLE user_group (
    group_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CONSTRAINT user_group_name_is_unique UNIQUE
             CONSTRAINT user_group_name_has_a_length CHECK (length(name) BETWEEN 1 AND 255)
);
