#!/usr/bin/env bash
# The msgpack extension 2.2.0RC2 of PHP (Debian 12) reads every ext, timestamps too, as null
# without a warning.
# One would have guessed a warning, as it gives for a key of a map that PHP lacks.
source "$(dirname "$0")/common"
need php
deb php8.2-msgpack=1:2.2.0~rc2-3

php -n -d extension="$(echo "$PWD"/usr/lib/php/*/msgpack.so)" <<'P' | seen 'timestamp: NULL, no warning
ext 42: NULL, no warning
float as a key: array, warning'
<?php
foreach (['timestamp' => 'd6ff5e0be100', 'ext 42' => 'd42a00', 'float as a key' => '81cb3ff800000000000001'] as $what => $hex) {
    $warning = 'no warning';
    set_error_handler(function () use (&$warning) {
        $warning = 'warning';
        return true;
    });
    echo $what, ': ', gettype(msgpack_unpack(hex2bin($hex))), ", $warning\n";
}
P
