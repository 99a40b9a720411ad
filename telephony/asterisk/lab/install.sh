#!/usr/bin/env bash
# Unpacks a private Asterisk from Debian's packages: no root, no container, no chroot, no mount, and nothing of the
# machine's own packages is touched. apt fetches and checks the signatures, with lists and a status of its own that are
# thrown away; dpkg-deb unpacks. The daemon is started through its own ld.so, because its C library is newer than ours.
#
# usage: install.sh SUITE CACHE
#   SUITE  sid (Asterisk 22) or bullseye (Asterisk 16)
#   CACHE  folder; the Asterisk lands in CACHE/SUITE-VERSION, and CACHE/SUITE points to it
# On success the last line of standard output is the folder. What was unpacked before by this same recipe is used again.
# Exit 3: this machine has not what it takes, or the packages cannot be had; standard error says which.
set -euo pipefail
suite=${1:?usage: install.sh SUITE CACHE}
cache=${2:?usage: install.sh SUITE CACHE}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

unavailable() { echo "$*" >&2; exit 3; }

for tool in apt-get apt-cache dpkg dpkg-deb; do
  command -v $tool >/dev/null || unavailable "no $tool: Debian's package tools are needed"
done
[[ -r $keyring ]] || unavailable "no $keyring: the package debian-archive-keyring is needed"
arch=$(dpkg --print-architecture)
recipe=$(cksum <"${BASH_SOURCE[0]}")

if [[ $(cat "$cache/$suite/.recipe" 2>/dev/null) == "$recipe" ]]; then
  readlink -f "$cache/$suite"
  exit
fi

# The mirror is the one that this machine uses: suites with a dash are updates and security.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Identifier: Packages' 2>/dev/null |
  awk '$3 == "main" && $2 !~ /-/ { if ($4 == "Debian") { best = $1; exit } if (any == "") any = $1 } END { print best == "" ? any : best }')
[[ -n $mirror ]] || unavailable "no Debian mirror in this machine's apt sources"

mkdir -p "$cache"
work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$work"/sources "$work"/root
cat >"$work/sources/debian.sources" <<E
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: $keyring
E
cat >"$work/apt.conf" <<E
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/sources";
Dir::Etc::Preferences "$work/preferences";
Dir::Etc::PreferencesParts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
E
export APT_CONFIG=$work/apt.conf
apt() { apt-get -qq "$@" >&2; }

: >"$work/status"
apt update || unavailable "the package lists of $suite cannot be fetched from this machine's mirror"
version=$(apt-cache show --no-all-versions asterisk 2>/dev/null | sed -n 's/^Version: //p' | head -1)
[[ -n $version ]] || unavailable "$suite has no package asterisk"

# What is claimed to be installed already: asterisk-modules pulls a hundred libraries of modules that are not loaded here
# (it is fetched alone, below), and the rest serves maintainer scripts, which are never run.
pretend() {
  printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: foreign\nVersion: %s\nMaintainer: x\nDescription: x\n\n' \
    "$1" "$arch" "$2" >>"$work/status"
}
for p in asterisk-modules asterisk-config asterisk-voicemail asterisk-voicemail-storage; do pretend $p "$version"; done
for p in adduser passwd debconf perl-base perl gnupg dirmngr sysvinit-utils lsb-base init-system-helpers libpam0g \
  asterisk-core-sounds-en; do pretend $p 9:999; done
printf 'Package: *\nPin: release a=now\nPin-Priority: 1001\n' >"$work/preferences"

# Names among the arguments that the suite has.
known() {
  local p
  for p in "$@"; do
    if apt-cache -o Dir::State::status=/dev/null show "$p" 2>/dev/null | grep -x "Package: $p" >/dev/null; then echo "$p"; fi
  done
}
mapfile -t libraries < <(known libsrtp2-1 libgsm1 libspeex1 libspeexdsp1)
mapfile -t alone < <(known asterisk-modules asterisk-core-sounds-en-gsm asterisk-voicemail)
apt -y --download-only install asterisk "${libraries[@]}" || unavailable "the packages of $suite cannot be fetched"
(cd "$work/cache/archives" &&
  apt -o Dir::State::status=/dev/null -o Dir::Etc::Preferences=/dev/null download "${alone[@]}") ||
  unavailable "the packages of $suite cannot be fetched"

root=$work/root
for deb in "$work"/cache/archives/*.deb; do
  dpkg-deb -x "$deb" "$root"
  basename "$deb"
done >"$root/.packages"

# It must run on this machine: a C library may be too new for the kernel.
loader=$(cd "$root" && find . -name 'ld-linux*.so.*' | sort | head -1)
[[ -n $loader ]] || unavailable "no dynamic loader in the packages of $suite"
libraries=$(cd "$root" && find . \( -path './lib*' -o -path './usr/lib*' \) -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
runs=$(cd "$root" && "$loader" --library-path "$libraries" usr/sbin/asterisk -V) ||
  unavailable "the Asterisk of $suite does not run on this machine"
printf '%s\n' "$loader" >"$root/.loader"
printf '%s\n' "$libraries" >"$root/.libraries"
printf '%s\n' "$runs" >"$root/.version"
printf '%s\n' "$recipe" >"$root/.recipe"

# Who comes second, or with another recipe, replaces the folder as a whole.
final=$cache/$suite-${version//[^A-Za-z0-9.+~-]/_}
if [[ $(cat "$final/.recipe" 2>/dev/null) != "$recipe" ]]; then
  if [[ -e $final ]]; then mv -T "$final" "$work/old"; fi
  mv -T "$root" "$final" 2>/dev/null || [[ -e $final/.recipe ]]
fi
ln -sfn "$(basename "$final")" "$work/link"
mv -T "$work/link" "$cache/$suite"
echo "$runs from $suite: $(du -cm "$work"/cache/archives/*.deb | tail -1 | cut -f1) MiB in $(wc -l <"$final/.packages") packages, $(du -sm "$final" | cut -f1) MiB on disk" >&2
echo "$final"
