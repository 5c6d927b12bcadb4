#!/usr/bin/env bash
# Data::MessagePack 1.02 with Perl 5.36 writes a number as a string once it was printed or
# compared as text. Perl 5.36 keeps apart what was made as a number from what was made as a
# string, for this very purpose, and JSON::PP, which comes with it, writes the number.
# One would have guessed 05 for both.
source "$(dirname "$0")/common"
need perl
deb libdata-messagepack-perl=1.02-1+b1

PERL5LIB=$(dirname usr/lib/*/perl5/*/Data)
export PERL5LIB
perl - <<'P' | seen 'before: 05 [5]
after: c40135 [5]'
use Data::MessagePack;
use JSON::PP;
my $n = 5;
print 'before: ', unpack('H*', Data::MessagePack->pack($n)), ' ', encode_json([$n]), "\n";
my $text = "n is $n";
print 'after: ', unpack('H*', Data::MessagePack->pack($n)), ' ', encode_json([$n]), "\n";
P
