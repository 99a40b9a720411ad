package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxSecretBytes bounds a file with a secret in it.
	maxSecretBytes = 64 << 10
	// minKeyLength is how many characters a key for links has at least: 128 bits in hexadecimal.
	minKeyLength = 32
	// worldReadable is the bit that lets everybody on the machine read a file.
	worldReadable os.FileMode = 0o004
)

// secret fills in a secret from its file, whose key is that of the secret with _file. Exactly one of both must be given.
func (v *validator) secret(path string, secret *Secret, file *string) {
	switch inline, elsewhere := v.given(path), v.given(path+"_file"); {
	case inline && elsewhere:
		v.twice(path)
	case inline:
		v.inline(path)
	case elsewhere && *file != "":
		if text, ok := v.secretFile(path+"_file", file); ok {
			*secret = NewSecret(text)
		}
	case !elsewhere && !v.wrong(path[:strings.LastIndexByte(path, '.')]):
		name := path[strings.LastIndexByte(path, '.')+1:]
		v.problem(v.place(path), path, "is missing", fmt.Sprintf("give %s_file, the name of a file that holds it; or %s", name, name))
	}
}

// keys judges the keys for links. Without any, the file of their own has its usual place; whoever signs makes and judges
// that file.
func (v *validator) keys(r *Recordings) {
	const path = "recordings.keys"
	if len(r.Keys) == 0 && r.KeysFile == "" {
		r.KeysFile = filepath.Join(v.cfg.Journal.Dir, "recordings.keys")
	}
	v.resolve(&r.KeysFile)
	if v.given(path) && v.given(path+"_file") {
		v.twice(path)
	}
	first := map[string]string{}
	for i, key := range r.Keys {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.inline(at)
		if len(key.Reveal()) < minKeyLength && !v.blamed(at) {
			v.problem(v.place(at), at, "is too short to be safe", fmt.Sprintf("use %d random characters or more: openssl rand -hex 32", minKeyLength))
		}
		v.once(first, key.Reveal(), at, "keep one of them")
	}
}

func (v *validator) twice(path string) {
	v.problem(v.at[path+"_file"].key, path+"_file", "stands beside "+path, "keep one of them: the file")
}

// inline warns of a secret that stands in a configuration which everybody can read.
func (v *validator) inline(path string) {
	if v.mode&worldReadable != 0 && !v.at[path].variable {
		v.warning(v.place(path), path, "is a secret in a file that everybody on this machine can read", "chmod 640 the configuration, or put the secret in a file of its own")
	}
}

// secretFile returns what a file with a secret holds, without the line ends after it, and makes its path absolute.
func (v *validator) secretFile(path string, file *string) (text string, ok bool) {
	v.resolve(file)
	data, mode, err := readRegular(*file, maxSecretBytes)
	if err != nil {
		v.problem(v.place(path), path, *file+" "+err.Error(), fileHint(err))
		return "", false
	}
	text = strings.TrimRight(string(data), "\r\n")
	if strings.TrimSpace(text) == "" {
		v.problem(v.place(path), path, *file+" is empty", "put the secret in it")
		return "", false
	}
	if mode&worldReadable != 0 {
		v.warning(v.place(path), path, "everybody on this machine can read "+*file, "chmod 600 it, for the user that runs talkbridge")
	}
	return text, true
}
