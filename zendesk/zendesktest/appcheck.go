package zendesktest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	appCheckPath = "/api/v2/apps/validate"
	maxAppFiles  = 500
	maxAppJSON   = 256 << 10
)

// validateApp is POST /apps/validate, which Zendesk's command line tool sends a package to: a form with a zip file. The
// answer is 200 and empty, or 422 with all that is wrong in its description.
func (a *account) validateApp(c *call) reply {
	archive, err := formFile(c)
	if err != nil {
		return failure(http.StatusBadRequest, "BadRequest", err.Error())
	}
	if wrong := checkApp(archive); len(wrong) > 0 {
		return failure(http.StatusUnprocessableEntity, "RecordInvalid", strings.Join(wrong, "\n"))
	}
	return ok(map[string]any{})
}

// formFile is the first file of a multipart form.
func formFile(c *call) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, errors.New("send a multipart form with the package")
	}
	form := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, errors.New("the form has no file")
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

// appFiles are the files of a package by their paths.
type appFiles map[string]*zip.File

// checkApp says what is wrong with a package; the rules are those of Zendesk's packages of version 2.
func checkApp(archive []byte) []string {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return []string{"The package is not a zip file"}
	}
	if len(z.File) > maxAppFiles {
		return []string{fmt.Sprintf("The package has more than %d files", maxAppFiles)}
	}
	files, wrong := appFiles{}, []string{}
	for _, f := range z.File {
		files[f.Name] = f
		switch ext := strings.ToLower(path.Ext(f.Name)); {
		case f.Mode()&fs.ModeSymlink != 0, strings.Contains(f.Name, ".."), strings.HasPrefix(f.Name, "/"):
			wrong = append(wrong, "Symlinks and paths that lead out are not allowed: "+f.Name)
		case slices.Contains([]string{".zip", ".gz", ".tar", ".7z", ".rar", ".pdf", ".mp3", ".wav", ".ogg", ".sh"}, ext):
			wrong = append(wrong, "Files of this type are not allowed: "+f.Name)
		}
	}
	return append(wrong, files.manifest()...)
}

// object reads a JSON file of the package.
func (f appFiles) object(name string) (object, error) {
	file := f[name]
	if file == nil {
		return nil, fmt.Errorf("could not find %s", name)
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, maxAppJSON))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil || o == nil {
		return nil, fmt.Errorf("%s is not proper JSON", name)
	}
	return o, nil
}

var localePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z]{2,4})?$`)

// manifest checks manifest.json and what it names.
func (f appFiles) manifest() []string {
	m, err := f.object("manifest.json")
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	author, _ := m["author"].(map[string]any)
	if author["email"] == nil || author["name"] == nil {
		say("Missing required fields in manifest: author name and email")
	}
	if m["frameworkVersion"] != "2.0" {
		say(`frameworkVersion must be "2.0"`)
	}
	locale, _ := m["defaultLocale"].(string)
	if !localePattern.MatchString(locale) {
		say("%q is not a valid defaultLocale", locale)
	}
	wrong = append(wrong, f.locations(m)...)
	return append(wrong, f.translations(m, locale)...)
}

// locations checks where the app is to be shown.
func (f appFiles) locations(m object) []string {
	products, _ := m["location"].(map[string]any)
	if len(products) == 0 {
		return []string{"Missing required field in manifest: location"}
	}
	var wrong []string
	for _, product := range sortedKeys(products) {
		places, _ := products[product].(map[string]any)
		for _, place := range sortedKeys(places) {
			where, _ := places[place].(map[string]any)
			address, _ := where["url"].(string)
			if address == "" {
				address, _ = places[place].(string)
			}
			local := strings.HasPrefix(address, "http://localhost") || strings.HasPrefix(address, "http://127.0.0.1")
			if !strings.HasPrefix(address, "https://") && !local && f[address] == nil {
				wrong = append(wrong, fmt.Sprintf("location %s.%s: %q is neither an https address nor a file of the package", product, place, address))
			}
		}
	}
	return wrong
}

// translations checks the file of the default locale: the app's name, and a label for each parameter.
func (f appFiles) translations(m object, locale string) []string {
	t, err := f.object("translations/" + locale + ".json")
	if err != nil {
		return []string{err.Error()}
	}
	app, _ := t["app"].(map[string]any)
	var wrong []string
	if _, private := m["private"].(bool); private && m["private"] == false {
		for _, key := range []string{"short_description", "long_description", "installation_instructions"} {
			if app[key] == nil {
				wrong = append(wrong, "Missing translation of a public app: app."+key)
			}
		}
	}
	if app["name"] == nil {
		wrong = append(wrong, "Missing translation: app.name")
	}
	labels, _ := app["parameters"].(map[string]any)
	parameters, _ := m["parameters"].([]any)
	for _, v := range parameters {
		p, _ := v.(map[string]any)
		name, _ := p["name"].(string)
		label, _ := labels[name].(map[string]any)
		if name == "" || label["label"] == nil && p["type"] != "hidden" {
			wrong = append(wrong, fmt.Sprintf("Missing translation: app.parameters.%s.label", name))
		}
	}
	return wrong
}
