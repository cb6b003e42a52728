"""Who answers the same searches beside us: each loads the made-up library and answers shapes."""
