package zendesktest

// listRequested is GET /users/{id}/tickets/requested. It sees the account as the index does, a delay behind.
func (a *account) listRequested(c *call) reply {
	if a.users[c.params[0]] == nil {
		return notFound()
	}
	var hits []result
	for _, rec := range a.ticketOrder {
		t := rec.index.visible(c.now, a.cfg.indexDelay)
		if t == nil || t.Deleted || t.RequesterID != c.params[0] {
			continue
		}
		hits = append(hits, result{
			id: t.ID, kind: "ticket", created: t.CreatedAt, updated: t.UpdatedAt, status: t.Status,
			render: func() any { return c.ticketJSON(t) },
		})
	}
	order := c.query.Get("sort_order")
	if order == "" {
		order = "asc"
	}
	sortResults(hits, c.query.Get("sort_by"), order)
	return listing(c, "tickets", hits, func(r result) any { return r.render() })
}
