// Package config reads the configuration of the daemon: one YAML file, strict.
//
// Everything that is wrong with a file is reported at once, each problem with its line, its column, the path of the key
// (sources[0].asterisk.adress), and what to do about it. Names that nearly match a known key are named. Values may take
// ${NAME} from the environment, and every secret may come from a file of its own; secrets never print.
//
// The package is the only one that knows YAML. It reads files, and nothing else: it opens no connection, starts nothing,
// and does not watch the file. Whether a host answers, a token works or an agent exists is found out elsewhere.
//
// [Load] is the way in; [Parse] is the same for bytes at hand. The example to read is config.example.yaml in the root of
// the repository, and docs/config.schema.json is its JSON Schema, made by [Schema].
package config
