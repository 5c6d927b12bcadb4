#!/usr/bin/env bash
# The msgpack extension 2.2.0RC2 of PHP (Debian 12) reads an integer from 2^63 on as a string of its
# digits, which it writes again as text. So the type of a field changes with its size.
# One would have guessed a float, which PHP itself makes of such numbers.
source "$(dirname "$0")/common"
need php
deb php8.2-msgpack=1:2.2.0~rc2-3

php -n -d extension="$(echo "$PWD"/usr/lib/php/*/msgpack.so)" <<'P' | seen "9223372036854775807 cf7fffffffffffffff
'9223372036854775808' b339323233333732303336383534373735383038"
<?php
foreach (['cf7fffffffffffffff', 'cf8000000000000000'] as $hex) {
    $v = msgpack_unpack(hex2bin($hex));
    echo var_export($v, true), ' ', bin2hex(msgpack_pack($v)), "\n";
}
P
