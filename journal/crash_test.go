package journal_test

import "errors"

const roleVariable = "JOURNAL_TEST_ROLE"

func runRole(role string) error { return errors.New("no role " + role) }
