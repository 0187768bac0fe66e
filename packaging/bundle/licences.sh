#!/usr/bin/env bash
# ./box packaging/bundle/licences.sh: renews licences/ from the packages whose code the bundle holds. Needs the network.
#
# The toolchain's root is made without /usr/share/doc, and make.py does without a network; so the texts are kept here,
# one for each Debian source package. Boost's, two megabytes of notices of parts that are not used, is written by hand.
set -euo pipefail
into=${BASH_SOURCE[0]%/*}/licences
into=$(cd "$into" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial archives/partial
apt=(apt-get -qq -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root
     -o Acquire::Check-Valid-Until=false)
"${apt[@]}" update
gcc=$(dpkg-query -W -f='${source:Package}' libstdc++6)
"${apt[@]}" download libc6 "$gcc-base" libssl3t64 libllama0 libggml0 zlib1g libzstd1 \
  libglaze-dev libyaml-0-2 libspdlog-dev libfmt-dev libcli11-dev libsqlite3-0 libprometheus-cpp-core1.0
for deb in *.deb; do
  source=$(dpkg-deb -f "$deb" Source | cut -d' ' -f1)
  package=$(dpkg-deb -f "$deb" Package)
  source=${source:-$package}
  dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/share/doc/*/copyright' >"$into/${source%-[0-9]*}.txt"
done
