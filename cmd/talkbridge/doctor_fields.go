package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/zendesk"
)

// maxNamed is how many of what there is instead are named.
const maxNamed = 10

// callRecords looks whether the app of the call records is installed: without it
// Zendesk refuses each record.
func (z *zendeskDoctor) callRecords(ctx context.Context) {
	if z.cfg.Zendesk.CallRecords == nil {
		return
	}
	const check = "call records"
	id := int64(z.cfg.Zendesk.CallRecords.AppID)
	var installed []zendesk.AppInstallation
	for app, err := range z.client.AppInstallations(ctx) {
		if err != nil {
			z.unasked(check, "which apps are installed", err)
			return
		}
		installed = append(installed, app)
	}
	for _, enabled := range []bool{true, false} {
		i := slices.IndexFunc(installed, func(a zendesk.AppInstallation) bool { return a.AppID == id && a.Enabled == enabled })
		switch {
		case i >= 0 && enabled:
			z.add(check, fine, "they bear the name of the app "+appName(installed[i]), "")
			return
		case i >= 0:
			z.add(check, failure, "the app "+appName(installed[i])+" is switched off", "Admin Center, Apps and integrations, Zendesk Support apps: enable it")
			return
		}
	}
	if i := slices.IndexFunc(installed, func(a zendesk.AppInstallation) bool { return a.ID == id }); i >= 0 {
		z.add(check, failure, fmt.Sprintf("%d is the id of an installation, not of its app, %s: each record would be refused", id, appName(installed[i])),
			fmt.Sprintf("zendesk.call_records: {app_id: %d}", installed[i].AppID))
		return
	}
	names := make([]string, 0, len(installed))
	for _, app := range installed {
		names = append(names, appName(app))
	}
	z.add(check, failure, fmt.Sprintf("no app %d is installed: each record would be refused; installed: %s", id, some(names)),
		"install the app, or give the app_id of one that is: zendesk.call_records.app_id")
}

func appName(a zendesk.AppInstallation) string {
	return fmt.Sprintf("%d (%s)", a.AppID, cmp.Or(a.Settings.Title, a.Settings.Name, "without a name"))
}

// numberField looks whether users have the field with further numbers: a search in
// one that there is not finds nobody, and says nothing.
func (z *zendeskDoctor) numberField(ctx context.Context) {
	key := z.cfg.Tickets.NumberField
	if key == "" {
		return
	}
	const check, remedy = "number field", "Admin Center, People, Configuration, User fields; then tickets.number_field"
	var there []string
	for field, err := range z.client.UserFields(ctx) {
		switch {
		case err != nil:
			z.unasked(check, "which fields users have", err)
			return
		case field.Key != key:
			if textual(field) && field.Active {
				there = append(there, field.Key)
			}
		case !field.Active:
			z.add(check, failure, fmt.Sprintf("the user field %s is not active: nobody sees the numbers in it", key), remedy)
			return
		case !textual(field):
			z.add(check, failure, fmt.Sprintf("the user field %s is a field of the type %s, which holds no numbers", key, field.Type), remedy+" should name a field of the type Text")
			return
		default:
			z.add(check, fine, fmt.Sprintf("users have further numbers in %s (%s, %s)", key, field.Title, field.Type), "")
			return
		}
	}
	z.add(check, failure, fmt.Sprintf("users have no field with the key %s: nobody is found by it; fields for texts: %s", key, some(there)), remedy)
}

// textual reports whether a field can hold several numbers.
func textual(f zendesk.UserField) bool {
	return slices.Contains([]string{"text", "textarea", "regexp"}, f.Type)
}

// unasked is for a question that Zendesk does not answer us.
func (z *zendeskDoctor) unasked(check, what string, err error) {
	if mayNotAsk(err) {
		z.add(check, note, "the credentials may not ask "+what, "those of an admin may")
		return
	}
	explanation, _ := explainZendesk(z.cfg.Zendesk, err)
	z.add(check, failure, explanation.Error(), "")
}

// some are the first of them.
func some(names []string) string {
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > maxNamed:
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return strings.Join(names, ", ")
}
