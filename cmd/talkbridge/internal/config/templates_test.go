package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// What a line says stands in for what the site says; its tags and fields are added.
func TestLinesOverSite(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("c.yaml", []byte(minimal+`
tickets:
  subject: site {{.subject}}
  priority: low
  tags: [Phone, "{{.queue}}"]
  group: 7
  hours: {zone: UTC, open: ["mon-fri 09:00-17:00"]}
  shortest_ring: 5s
  shortest_talk: 3s
  callers: {deny: ["+1 (900) *"]}
  custom_fields: [{id: 1, value: "a"}, {id: 2, value: -3}]
lines:
  - {number: "+15550100001"}
  - number: "+15550100002"
    tickets:
      subject: line
      group: "{{if .queue}}8{{end}}"
      tags: [sales]
      hours: {zone: Europe/Berlin, open: ["sat 10:00-12:00"], holidays: ["2026-12-25"]}
      shortest_ring: 9s
      callers: {allow: [withheld]}
      custom_fields: [{id: 2, value: false}, {id: 3, value: "{{.line}}"}]
`))
	require.NoError(t, err)
	value := func(v any) config.FieldValue { return config.FieldValue{Value: v} }
	site := config.LineTickets{
		Subject: "site {{.subject}}", Priority: "low", Tags: []config.TagTemplate{"phone", "{{.queue}}"}, Group: "7",
		Hours:        &config.Hours{Zone: "UTC", Open: []string{"mon-fri 09:00-17:00"}},
		CustomFields: []config.CustomField{{ID: 1, Value: value(config.Template("a"))}, {ID: 2, Value: value(int64(-3))}},
	}
	require.Equal(t, site, cfg.TicketsFor(config.Line{}))
	require.Equal(t, site, cfg.TicketsFor(cfg.Lines[0]))
	require.Equal(t, config.LineTickets{
		Subject: "line", Priority: "low", Tags: []config.TagTemplate{"phone", "{{.queue}}", "sales"}, Group: "{{if .queue}}8{{end}}",
		Hours: &config.Hours{Zone: "Europe/Berlin", Open: []string{"sat 10:00-12:00"}, Holidays: []string{"2026-12-25"}},
		CustomFields: []config.CustomField{
			{ID: 1, Value: value(config.Template("a"))}, {ID: 2, Value: value(false)}, {ID: 3, Value: value(config.Template("{{.line}}"))},
		},
	}, cfg.TicketsFor(cfg.Lines[1]))

	ring, talk, callers := cfg.RulesFor(cfg.Lines[0])
	require.Equal(t, []time.Duration{5 * time.Second, 3 * time.Second}, []time.Duration{ring, talk})
	require.Equal(t, config.NumberFilter{Deny: []string{"+1900*"}}, callers)
	ring, talk, callers = cfg.RulesFor(cfg.Lines[1])
	require.Equal(t, []time.Duration{9 * time.Second, 3 * time.Second}, []time.Duration{ring, talk})
	require.Equal(t, config.NumberFilter{Allow: []string{"withheld"}}, callers)
}
