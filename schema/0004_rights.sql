-- Groups, who is in them, and rules about who may do what with what.

CREATE TABLE user_group (
    group_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CONSTRAINT user_group_name_is_unique UNIQUE
             CONSTRAINT user_group_name_has_a_length CHECK (length(name) BETWEEN 1 AND 255),
    includes text  -- who is in it without having been put there; NULL: nobody
             CONSTRAINT user_group_includes_is_known
             CHECK (includes IN ('everybody', 'maintainer', 'admin'))
);

-- Those that include somebody are built in: they come with the archive and stay.
INSERT INTO user_group (name, includes)
VALUES ('All', 'everybody'), ('StationPrefs', 'everybody'),
       ('Maintainers', 'maintainer'), ('Admins', 'admin');

CREATE TABLE membership (  -- a user or a group was put into a group
    group_id     integer NOT NULL REFERENCES user_group ON DELETE CASCADE,
    user_id      integer REFERENCES users ON DELETE CASCADE,
    member_group integer REFERENCES user_group ON DELETE CASCADE,
    CONSTRAINT membership_has_one_member CHECK (num_nonnulls(user_id, member_group) = 1),
    CONSTRAINT membership_is_not_of_itself CHECK (group_id <> member_group),
    CONSTRAINT membership_is_unique UNIQUE NULLS NOT DISTINCT (group_id, user_id, member_group)
);
CREATE INDEX membership_of_user ON membership (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX membership_of_group ON membership (member_group) WHERE member_group IS NOT NULL;

CREATE TABLE object_class (  -- objects that rules can be about together
    class_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CONSTRAINT object_class_name_is_unique UNIQUE
             CONSTRAINT object_class_name_has_a_length CHECK (length(name) BETWEEN 1 AND 255)
);

CREATE TABLE class_member (  -- a home or a clip is in a class
    class_id  integer NOT NULL REFERENCES object_class ON DELETE CASCADE,
    home_of   integer REFERENCES users ON DELETE CASCADE,
    clip_id   integer REFERENCES clip ON DELETE CASCADE,
    CONSTRAINT class_member_is_one_object CHECK (num_nonnulls(home_of, clip_id) = 1),
    CONSTRAINT class_member_is_unique UNIQUE NULLS NOT DISTINCT (class_id, home_of, clip_id)
);
CREATE INDEX class_member_home ON class_member (home_of) WHERE home_of IS NOT NULL;
CREATE INDEX class_member_clip ON class_member (clip_id) WHERE clip_id IS NOT NULL;

CREATE TABLE rule (
    rule_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  integer REFERENCES users ON DELETE CASCADE,  -- whom it is for: a user or ...
    group_id integer REFERENCES user_group ON DELETE CASCADE,  -- ... a group
    action   text NOT NULL
             CONSTRAINT rule_action_is_known
             CHECK (action IN ('read', 'write', 'editPrivs', 'classes', 'subjects', '_all')),
    allows   boolean NOT NULL,  -- false: denies
    -- What it is about; all NULL: the archive. A clip lies in its owner's home, a home in the
    -- archive, and a rule reaches what lies in its object.
    home_of  integer REFERENCES users ON DELETE CASCADE,
    clip_id  integer REFERENCES clip ON DELETE CASCADE,
    class_id integer REFERENCES object_class ON DELETE CASCADE,
    CONSTRAINT rule_has_one_subject CHECK (num_nonnulls(user_id, group_id) = 1),
    CONSTRAINT rule_has_one_object CHECK (num_nonnulls(home_of, clip_id, class_id) <= 1),
    CONSTRAINT rule_says_one_thing
        UNIQUE NULLS NOT DISTINCT (user_id, group_id, action, home_of, clip_id, class_id)
);
CREATE INDEX rule_group ON rule (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX rule_home ON rule (home_of) WHERE home_of IS NOT NULL;
CREATE INDEX rule_clip ON rule (clip_id) WHERE clip_id IS NOT NULL;
CREATE INDEX rule_class ON rule (class_id) WHERE class_id IS NOT NULL;
CREATE INDEX rule_archive ON rule (action)
    WHERE home_of IS NULL AND clip_id IS NULL AND class_id IS NULL;

-- The rules that an archive begins with, now and when it is reset. Who stores has a home, and may do
-- everything there. (`users.add` sees to it for new users.)
CREATE FUNCTION add_first_rules() RETURNS void LANGUAGE sql AS $$
    INSERT INTO rule (group_id, action, allows)
    SELECT group_id, action, true
    FROM user_group JOIN (VALUES ('All', 'read'), ('Maintainers', 'write'), ('Admins', '_all'))
         AS first (name, action) USING (name);

    INSERT INTO rule (user_id, action, allows, home_of)
    SELECT user_id, '_all', true, user_id FROM users WHERE role <> 'client';
$$;
SELECT add_first_rules();
