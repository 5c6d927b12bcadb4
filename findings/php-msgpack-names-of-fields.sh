#!/usr/bin/env bash
# The msgpack extension 2.2.0RC2 of PHP (Debian 12) with php_only off, which is for other
# languages, writes an object as a list of its values, without their names; an array with the
# same names is a map. With php_only on the names are there, and a nil key with the class.
# One would have guessed a map of the public fields when PHP's own additions are off.
source "$(dirname "$0")/common"
need php
deb php8.2-msgpack=1:2.2.0~rc2-3

php -n -d extension="$(echo "$PWD"/usr/lib/php/*/msgpack.so)" <<'P' | seen 'off, array: 81a5677261646501
off, object: 9101
on, object: 82c0a8737464436c617373a5677261646501'
<?php
$array = ['grade' => 1];
echo 'off, array: ', bin2hex((new MessagePack(false))->pack($array)), "\n";
echo 'off, object: ', bin2hex((new MessagePack(false))->pack((object) $array)), "\n";
echo 'on, object: ', bin2hex((new MessagePack(true))->pack((object) $array)), "\n";
P
