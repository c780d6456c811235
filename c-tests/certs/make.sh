#!/bin/sh
# Makes the certificates and keys in this folder, which are for tests only: nobody must ever
# trust them. They are valid from 2020 to 2119, so this need not be run again.
#
#   ca.pem         the authority that the tests trust
#   chain.pem      a server's certificate and the intermediate one that has issued it
#   leaf.pem       the server's certificate alone
#   expired.pem    as chain.pem, but not valid since 2021
#   server.key     the key of these three
#   client.pem     a client's certificate, issued by ca.pem, and client.key
#   other_ca.pem   an authority that has issued nothing

set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/conf" << EOF
[ca]
default_ca = ca_default
[ca_default]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = anything
copy_extensions = none
unique_subject = no
[anything]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:www.redill.test, IP:127.0.0.1, IP:::1
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:client.redill.test
EOF
: > "$work/index"

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2> /dev/null
}

# certificate NAME KEY SECTION FIRST_YEAR LAST_YEAR ISSUER_OPTIONS...
certificate() {
    name=$1 key=$2 section=$3 first=$4 last=$5
    shift 5
    openssl req -new -key "$key" -subj "/CN=redill test $name" -out "$work/request"
    openssl ca -batch -notext -config "$work/conf" -extensions "$section" \
        -startdate "${first}0101000000Z" -enddate "${last}1231235959Z" \
        -in "$work/request" -out "$work/$name" "$@" 2> /dev/null
}

key "$work/ca.key"
key "$work/intermediate.key"
key "$work/other.key"
key server.key
key client.key
certificate ca "$work/ca.key" authority 2020 2119 -selfsign -keyfile "$work/ca.key"
certificate other_ca "$work/other.key" authority 2020 2119 -selfsign \
    -keyfile "$work/other.key"
certificate intermediate "$work/intermediate.key" authority 2020 2119 \
    -cert "$work/ca" -keyfile "$work/ca.key"
certificate leaf server.key server 2020 2119 \
    -cert "$work/intermediate" -keyfile "$work/intermediate.key"
certificate expired server.key server 2020 2021 \
    -cert "$work/intermediate" -keyfile "$work/intermediate.key"
certificate client client.key client 2020 2119 -cert "$work/ca" -keyfile "$work/ca.key"
cp "$work/ca" ca.pem
cp "$work/other_ca" other_ca.pem
cp "$work/leaf" leaf.pem
cat "$work/leaf" "$work/intermediate" > chain.pem
cat "$work/expired" "$work/intermediate" > expired.pem
cp "$work/client" client.pem
