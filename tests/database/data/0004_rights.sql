-- Groups within groups, classes, and rules of all kinds, some against each other.

INSERT INTO user_group (name) VALUES ('trainees'), ('news'), ('Größe');  -- 5, 6, 7

INSERT INTO membership (group_id, user_id, member_group)
VALUES (5, 3, NULL), (6, NULL, 5), (7, NULL, 6), (7, 4, NULL);

INSERT INTO object_class (name) VALUES ('archive of news'), ('月');

INSERT INTO class_member (class_id, home_of, clip_id) VALUES (1, 4, NULL), (1, NULL, 4), (2, NULL, 1);

INSERT INTO rule (user_id, group_id, action, allows, home_of, clip_id, class_id)
VALUES
    (NULL, 7, 'write', true, 2, NULL, NULL),  -- paul, through three groups, what is studio's
    (3, NULL, 'write', false, NULL, 2, NULL),  -- ... but not B
    (NULL, 5, 'read', false, NULL, 6, NULL),  -- and F they may not even read
    (3, NULL, '_all', true, NULL, NULL, 1),
    (2, NULL, 'editPrivs', true, NULL, NULL, NULL),
    (NULL, 6, 'subjects', true, NULL, NULL, NULL),
    (4, NULL, 'classes', false, NULL, NULL, NULL);
