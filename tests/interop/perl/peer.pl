use strict;
use warnings;
use utf8;
use B ();
use Data::MessagePack;

binmode STDOUT, ':utf8';

# text returns a string of characters in quotes.
sub text {
    my $s = shift;
    $s =~ s/(["\\])/\\$1/g;
    $s =~ s/([\x00-\x1f\x7f])/sprintf '\\u%04x', ord $1/ge;
    return "\"$s\"";
}

# show returns the text of a value. A string that perl holds as bytes is shown as bytes,
# unless it is plain ASCII, where there is no difference.
sub show {
    my $v = shift;
    return 'nil' unless defined $v;
    if (my $ref = ref $v) {
        return '[' . join(', ', map { show($_) } @$v) . ']' if $ref eq 'ARRAY';
        return '{' . join(', ', sort map { show($_) . ': ' . show($v->{$_}) } keys %$v) . '}' if $ref eq 'HASH';
        return $$v ? 'true' : 'false' if $ref eq 'Data::MessagePack::Boolean';
        return "$ref: $v";
    }
    my $flags = B::svref_2object(\$v)->FLAGS;
    if ($flags & B::SVf_POK) {
        return text($v) if utf8::is_utf8($v) || $v !~ /[^\x00-\x7f]/;
        return "h'" . unpack('H*', $v) . "'";
    }
    return sprintf 'f(%.17g)', $v if $flags & B::SVf_NOK;
    return "$v";
}

sub message {
    my $e = join ' ', split ' ', shift;
    $e =~ s/ at \S+ line \d+.*//;
    return "!$e";
}

my $mp = Data::MessagePack->new;
$mp->utf8->canonical if $ARGV[0] eq 'options';

print "$Data::MessagePack::VERSION\n";
while (my $line = <STDIN>) {
    chomp $line;
    my $v;
    if (!eval { $v = $mp->unpack(pack 'H*', $line); 1 }) {
        print message($@), "\n";
        next;
    }
    my $shown = show($v);
    my $back = eval { unpack 'H*', $mp->pack($v) } // message($@);
    print "$shown\t$back\n";
}

my @values = (
    (map { ["int $_", 0 + $_] } 0, 127, 128, 255, 256, 65535, 65536, 2147483648, 4294967295, 4294967296,
        9007199254740991, 9007199254740992, 9007199254740993, 9223372036854775807, 9223372036854775808,
        18446744073709551615, -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -9223372036854775807 - 1),
    ['milliseconds', 1700000000000],
    ['float 5', 5.0], ['float -0', -0.0], ['float 0.1', 0.1], ['float 1e+300', 1e300], ['float 1e+16', 1e16],
    ['float inf', 9**9**9], ['float nan', -sin(9**9**9)],
    ['price', 10 / 2], ['small float', 0.1],
    ['nil', undef], ['true', Data::MessagePack::true()], ['text', 'hé'], ['ascii text', 'abc'], ['empty text', ''],
    ['number that was read as text', do { my $n = '5'; $n }],
    ['number that was printed', do { my $n = 5; my $s = "$n"; $n }],
    ['text that was used as a number', do { my $s = '5'; my $n = $s + 0; $s }],
    ['text of 300', 't' x 300], ['bin', "\x00\xff"],
    ['list', [1, 2]], ['empty list', []], ['map', { k => 7 }], ['empty map', {}], ['int keys', { 1 => 'x' }], ['int to int', { 1 => 2 }],
    ['record', { Name => 'Ada', Grade => 1.0, Tags => undef }],
);
print "written\n";
for (@values) {
    my ($name, $v) = @$_;
    my $bytes = eval { unpack 'H*', $mp->pack($v) } // message($@);
    print "$name\t$bytes\n";
}
