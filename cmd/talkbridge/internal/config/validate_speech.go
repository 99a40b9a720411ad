package config

import (
	"fmt"
	"regexp"
	"strings"
)

// minSpeech is the smallest file that is of use: a second of speech.
const minSpeech = 64 * KiB

var languageForm = regexp.MustCompile(`^([a-z]{2}|auto)$`)

// checkLanguage takes two letters, and auto.
func checkLanguage(text string) (kept, wrong, hint string) {
	lower := strings.ToLower(text)
	if !languageForm.MatchString(lower) {
		return "", "is no language", "use the two letters of ISO 639-1, such as en or de, or auto"
	}
	return lower, "", ""
}

// transcription judges who puts audio into words.
func (v *validator) transcription() {
	t := v.cfg.Transcription
	const path = "transcription"
	if t == nil {
		return
	}
	service, program := v.given(path+".url"), v.given(path+".command")
	switch {
	case service && program:
		v.problem(v.at[path+".command"].key, path+".command", "stands beside transcription.url", "keep one of them")
	case !service && !program:
		v.problem(v.at[path].key, path+".url", "is missing", "give the address of a service, or command; or take the section out")
	}
	if v.given(path+".api_key") || v.given(path+".api_key_file") {
		v.secret(path+".api_key", &t.APIKey, &t.APIKeyFile)
		if program && !service {
			v.problem(v.place(path), path+".api_key", "is for a service", "take it out: a command has none")
		}
	}
	if program && !strings.Contains(strings.Join(t.Command[min(1, len(t.Command)):], " "), "{file}") && !v.blamed(path+".command") {
		v.problem(v.place(path+".command"), path+".command", "is not told which file", "give one argument {file}, where the path of the audio goes")
	}
	if t.MaxSize < minSpeech && !v.blamed(path+".max_size") {
		v.problem(v.place(path+".max_size"), path+".max_size", fmt.Sprintf("is too small to be of use: %v", t.MaxSize), "use at least "+minSpeech.String())
	}
}
