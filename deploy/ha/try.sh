#!/bin/sh
# Two talkbridge nodes on three NATS servers, on this machine: who acts, and who acts when he dies. Then, with --calls, the
# table of faults with calls under way (two minutes). Everything is on loopback and is gone at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
pids=""

end() {
	# shellcheck disable=SC2086 # a list of numbers
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
	rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM

run() { # NAME COMMAND...: in the background, with its output in NAME.log; its number is in $pid
	name=$1
	shift
	"$@" >>"$work/$name.log" 2>&1 &
	pid=$!
	pids="$pids $pid"
}

health() { "$work/talkbridge" health --config "$work/node$1.yaml" 2>/dev/null || true; }

await() { # NODE TEXT SECONDS: until a node's health says it
	deadline=$(($(date +%s) + $3))
	until health "$1" | grep -q "$2"; do
		if [ "$(date +%s)" -gt "$deadline" ]; then
			echo "node $1 did not say '$2' within $3 s:" >&2
			for log in "$work"/*.log; do echo "== $log" >&2; tail -n 5 "$log" >&2; done
			exit 1
		fi
	done
}

now() { date +%s.%N; }
since() { echo "$1 $(now)" | awk '{printf "%.1f s", $2 - $1}'; }

cd "$root"
echo "building talkbridge and nats-server …"
go build -o "$work/talkbridge" ./cmd/talkbridge
go build -o "$work/nats-server" github.com/nats-io/nats-server/v2
cp "$here"/*.conf "$here"/*.yaml "$work"
cd "$work"

for n in 1 2 3; do
	run "n$n" ./nats-server -c "n$n.conf"
	eval "nats$n=$pid"
done
run zendesk ./talkbridge simulate-zendesk --listen 127.0.0.1:8090 --plan unlimited
for n in 1 2; do
	run "node$n" ./talkbridge serve --config "node$n.yaml"
	eval "node$n=$pid"
	await "$n" "acts" 15
done
for n in 1 2; do echo "node $n  $(health $n)"; done

acting=1 other=2
health 2 | grep -q "this node acts" && acting=2 other=1
eval "victim=\$node$acting"
printf '\nkill -9 of node %s, which acts …\n' "$acting"
began=$(now)
kill -9 "$victim"
await "$other" "this node acts" 20
echo "node $other acts after $(since "$began")"
run "node$acting" ./talkbridge serve --config "node$acting.yaml"
await "$acting" "acts" 60
echo "node $acting is back: $(health "$acting")"

printf '\nkill -9 of one NATS server …\n'
began=$(now)
# shellcheck disable=SC2154 # set by eval
kill -9 "$nats1"
sleep 1
await "$other" "acts" 30
echo "a node acts again, or still, after $(since "$began")"

if [ "${1:-}" = --calls ]; then
	printf '\ncalls while machines fail: about three minutes …\n'
	cd "$root" && go test ./cmd/talkbridge -run 'TestCluster$' -count=1 -v
fi
