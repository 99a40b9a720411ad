package zendesk

// field returns the value of a key of a JSON object as it is written, nil if the object has no such key. The object must
// be valid JSON without white space before it, as a [json.Unmarshaler] gets it; the key must need no escapes. It looks at
// each byte at most once and allocates nothing, which decoding into a map would do for every key of every answer.
func field(object []byte, key string) []byte {
	i := blanks(object, 1) // Behind the brace.
	for object[i] == '"' {
		end := textEnd(object, i)
		name := object[i+1 : end-1]
		i = blanks(object, blanks(object, end)+1) // Over the colon.
		end = valueEnd(object, i)
		if string(name) == key {
			return object[i:end]
		}
		if i = blanks(object, end); object[i] == ',' {
			i = blanks(object, i+1)
		}
	}
	return nil
}

// blanks is where what follows the white space at i begins.
func blanks(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// textEnd is where the text that begins at i with a quote has ended.
func textEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is where the value that begins at i has ended.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch b[i] {
		case '"':
			i = textEnd(b, i) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // The brace of the object around a bare word.
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i // The end of a bare word.
			}
		}
	}
}
