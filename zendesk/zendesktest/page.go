package zendesktest

import "net/http"

func newPages(*Server) http.Handler { return http.NotFoundHandler() }
