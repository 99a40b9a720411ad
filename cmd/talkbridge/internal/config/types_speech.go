package config

import "time"

// Transcription says who puts voicemails and recordings into words. Exactly one of URL and Command is set.
type Transcription struct {
	// Whole address of a service that speaks OpenAI's audio API, such as https://api.openai.com/v1/audio/transcriptions. Audio and key go to its host alone.
	URL string `yaml:"url" check:"url"`
	// Key that is sent to it; better in a file of its own. Without one, none is sent.
	APIKey Secret `yaml:"api_key"`
	// File that holds the key.
	APIKeyFile string `yaml:"api_key_file" check:"path"`
	// Name of the model that it is asked for.
	Model string `yaml:"model"`
	// A program of this machine with its arguments, instead of url. {file} stands for the path of the audio, {language} for its language, or auto. What it writes to standard output is the text.
	Command []string `yaml:"command"`
	// What is put into words: the messages of callers, or recordings of calls too.
	Of TranscriptionOf `yaml:"of"`
	// Language that is spoken, in two letters (ISO 639-1), or auto to have it found out. Without it, that of the country of the line where it has one for all.
	Language string `yaml:"language" check:"language"`
	// How long one request, or one run of the program, may take.
	Timeout time.Duration `yaml:"timeout" check:"1s..30m"`
	// How long audio may play; what is longer is not put into words.
	MaxLength time.Duration `yaml:"max_length" check:"1s..12h"`
	// How large a file may be; what is larger is not put into words.
	MaxSize Size `yaml:"max_size"`
	// How often it is tried, with growing pauses.
	Tries int `yaml:"tries" check:"1..50"`
	// How long after the audio was kept it is tried. Then the ticket goes without.
	GiveUpAfter time.Duration `yaml:"give_up_after" check:"1s..7d"`
	// How many are put into words at a time.
	AtOnce int `yaml:"at_once" check:"1..16"`
}

// setDefaults is called by the decoder on each new Transcription, before the file's values.
func (t *Transcription) setDefaults() {
	*t = Transcription{
		Model: "whisper-1", Of: TranscriptionOfVoicemail, Timeout: 2 * time.Minute, MaxLength: time.Hour, MaxSize: 25 * MiB,
		Tries: 8, GiveUpAfter: time.Hour, AtOnce: 2,
	}
}

// TranscriptionOf is what is put into words.
type TranscriptionOf string

// The values of TranscriptionOf.
const (
	TranscriptionOfVoicemail TranscriptionOf = "voicemail" // the messages of callers
	TranscriptionOfAll       TranscriptionOf = "all"       // recordings of calls too
)

// languageAuto has the language found out.
const languageAuto = "auto"

// spokenIn are the languages of countries in which one is spoken by nearly all who call. Where there are several, such as
// in CH, BE, CA and IN, it is better found out.
var spokenIn = map[string]string{
	"US": "en", "GB": "en", "IE": "en", "AU": "en", "NZ": "en", "DE": "de", "AT": "de", "LI": "de", "FR": "fr", "MC": "fr",
	"ES": "es", "MX": "es", "AR": "es", "CL": "es", "CO": "es", "PE": "es", "UY": "es", "EC": "es", "VE": "es", "CR": "es", "PA": "es",
	"GT": "es", "DO": "es", "IT": "it", "SM": "it", "PT": "pt", "BR": "pt", "NL": "nl", "SE": "sv", "DK": "da", "NO": "no", "IS": "is",
	"PL": "pl", "CZ": "cs", "SK": "sk", "HU": "hu", "RO": "ro", "BG": "bg", "GR": "el", "HR": "hr", "SI": "sl", "LT": "lt",
	"TR": "tr", "JP": "ja", "KR": "ko", "TH": "th", "VN": "vi", "ID": "id", "IL": "he",
}

// LanguageFor returns the language spoken on a line, in two letters; "" is to be found out.
func (c *Config) LanguageFor(line Line) string {
	language := line.Language
	if language == "" && c.Transcription != nil {
		language = c.Transcription.Language
	}
	switch language {
	case languageAuto:
		return ""
	case "":
		return spokenIn[c.CountryFor(line)]
	}
	return language
}
