-- The journal tells, too, who has come in and what was changed about users, groups, permissions and
-- tokens. Such a row is about a subject; all others are about an item, as they were.

ALTER TABLE journal
    ALTER gunid DROP NOT NULL,
    ADD subject text,  -- whom or what it is about, as model/permissions.py writes it
    ADD detail text,  -- what has changed of it, in words; never a secret
    DROP CONSTRAINT journal_event_is_known,
    ADD CONSTRAINT journal_event_is_known
        CHECK (CASE WHEN gunid IS NOT NULL
               THEN event IN ('created', 'replaced', 'updated', 'trashed', 'restored', 'deleted',
                              'accessed')
               ELSE event IN ('logged-in', 'login-refused', 'logged-out', 'token-added',
                              'token-removed', 'user-added', 'user-removed', 'password-changed',
                              'role-changed', 'group-added', 'group-removed', 'group-joined',
                              'group-left', 'permission-set', 'permission-revoked', 'class-added',
                              'class-removed', 'class-joined', 'class-left')
               END),
    ADD CONSTRAINT journal_is_about_one_thing CHECK ((gunid IS NULL) = (subject IS NOT NULL));
