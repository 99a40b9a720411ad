package zendesktest_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	validatePath = "/api/v2/apps/validate"
	notifyPath   = "/api/v2/apps/notify"
)

// soundApp is a package that nothing is wrong with.
func soundApp() map[string]string {
	return map[string]string{
		"manifest.json": `{"name":"Console","author":{"name":"A","email":"a@example.com"},"defaultLocale":"en","frameworkVersion":"2.0",
			"location":{"support":{"top_bar":{"url":"assets/iframe.html"},"background":{"url":"https://calls.example.com/app"}}},
			"parameters":[{"name":"server","type":"url"}]}`,
		"translations/en.json": `{"app":{"name":"Console","parameters":{"server":{"label":"Server"}}}}`,
		"assets/iframe.html":   "<html></html>",
	}
}

// form is a multipart form with a zip file of the given files, and its content type.
func form(t *testing.T, files map[string]string) (body, contentType string) {
	t.Helper()
	var archive, out bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range files {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, _ = io.WriteString(w, content)
	}
	require.NoError(t, z.Close())
	f := multipart.NewWriter(&out)
	part, err := f.CreateFormFile("file", "app.zip")
	require.NoError(t, err)
	_, _ = part.Write(archive.Bytes())
	require.NoError(t, f.Close())
	return out.String(), f.FormDataContentType()
}

func TestCase18AppPackage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, old, new, want string
	}{
		{"sound", "", "", "", ""},
		{"no manifest", "manifest.json", "", "", "could not find manifest.json"},
		{"broken manifest", "manifest.json", "{", "", "manifest.json is not proper JSON"},
		{"no author", "manifest.json", "author", "auteur", "author name and email"},
		{"old framework", "manifest.json", `"2.0"`, `"1.0"`, "frameworkVersion"},
		{"no locale", "manifest.json", `"en"`, `"English"`, "defaultLocale"},
		{"no location", "manifest.json", `"location"`, `"place"`, "location"},
		{"a file that is not there", "manifest.json", "iframe.html", "frame.html", "support.top_bar"},
		{"plain http", "manifest.json", "https://", "http://", "support.background"},
		{"no name", "translations/en.json", `"name"`, `"title"`, "app.name"},
		{"no label", "translations/en.json", `"label"`, `"text"`, "app.parameters.server.label"},
		{"no translations", "translations/en.json", "", "", "could not find translations/en.json"},
		{"public without texts", "manifest.json", `"name"`, `"private":false,"name"`, "app.long_description"},
		{"audio", "assets/ring.mp3", "", "x", "not allowed: assets/ring.mp3"},
		{"a way out", "../x.html", "", "x", "not allowed: ../x.html"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			files := maps.Clone(soundApp())
			switch {
			case tt.file == "":
			case tt.old == "" && tt.new == "":
				delete(files, tt.file)
			case tt.old == "":
				files[tt.file] = tt.new
			default:
				files[tt.file] = strings.Replace(files[tt.file], tt.old, tt.new, 1)
			}
			body, contentType := form(t, files)
			if tt.want == "" {
				d.want(200, "POST", validatePath, body, "Content-Type", contentType)
				return
			}
			a := d.want(422, "POST", validatePath, body, "Content-Type", contentType)
			require.Contains(t, a.at("description"), tt.want)
		})
	}
}

func TestCase18WhatIsNoPackage(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.want(400, "POST", validatePath, `{}`)
	var out bytes.Buffer
	f := multipart.NewWriter(&out)
	part, err := f.CreateFormFile("file", "app.zip")
	require.NoError(t, err)
	_, _ = io.WriteString(part, "no zip")
	require.NoError(t, f.Close())
	require.Contains(t, d.want(422, "POST", validatePath, out.String(), "Content-Type", f.FormDataContentType()).at("description"), "not a zip file")
	empty := multipart.NewWriter(&out)
	d.want(400, "POST", validatePath, "--x--\r\n", "Content-Type", empty.FormDataContentType())
}

func TestCase18NotifyReachesTheApp(t *testing.T) {
	t.Parallel()
	d := start(t)
	changes, cancel := d.s.Subscribe(4)
	defer cancel()
	a := d.want(200, "POST", notifyPath, `{"app_id":1001,"event":"ringing","body":{"from":"+15135557611"},"agent_id":501}`)
	require.Empty(t, a.raw)
	change := <-changes
	require.Equal(t, []any{zendesktest.ChangeNotification, int64(501)}, []any{change.Kind, change.AgentID})
	got := d.s.Notifications()
	require.Len(t, got, 1)
	require.Equal(t, "ringing", got[0].Event)
	require.JSONEq(t, `{"from":"+15135557611"}`, string(got[0].Body))
	require.Equal(t, int64(501), got[0].AgentID)
	d.want(200, "POST", notifyPath, `{"app_id":1001,"event":"all"}`)
	require.Equal(t, []any{int64(2), "null"}, []any{d.s.Notifications()[1].Seq, string(d.s.Notifications()[1].Body)})

	d.want(404, "POST", notifyPath, `{"app_id":1,"event":"x"}`)
	d.want(404, "POST", notifyPath, `{"app_id":1001,"event":"x","agent_id":99}`)
	d.want(400, "POST", notifyPath, `{"app_id":1001}`)
	require.Len(t, d.s.Notifications(), 2)
}
