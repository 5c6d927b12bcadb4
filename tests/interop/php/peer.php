<?php
// PHP has one kind of string, of bytes, and one kind of array.
declare(strict_types=1);

function text(string $s): string
{
    $out = '"';
    foreach (preg_split('//u', $s, -1, PREG_SPLIT_NO_EMPTY) ?: str_split($s) as $c) {
        $o = ord($c);
        if ($c === '"' || $c === '\\') {
            $out .= '\\' . $c;
        } elseif ($o < 0x20 || $o === 0x7f) {
            $out .= sprintf('\\u%04x', $o);
        } elseif (strlen($c) === 1 && $o > 0x7f) {
            $out .= sprintf('\\x%02x', $o);
        } else {
            $out .= $c;
        }
    }
    return $out . '"';
}

function show(mixed $v): string
{
    if ($v === null) {
        return 'nil';
    }
    if (is_bool($v)) {
        return $v ? 'true' : 'false';
    }
    if (is_int($v)) {
        return (string) $v;
    }
    if (is_float($v)) {
        return sprintf('f(%s)', is_nan($v) ? 'nan' : (is_infinite($v) ? ($v > 0 ? 'inf' : '-inf') : var_export($v, true)));
    }
    if (is_string($v)) {
        return text($v);
    }
    if (is_array($v)) {
        if (array_is_list($v)) {
            return '[' . implode(', ', array_map('show', $v)) . ']';
        }
        $entries = [];
        foreach ($v as $k => $e) {
            $entries[] = show($k) . ': ' . show($e);
        }
        sort($entries, SORT_STRING);
        return '{' . implode(', ', $entries) . '}';
    }
    return 'object ' . get_class($v) . ' ' . json_encode($v, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
}

function message(string $m): string
{
    return '!' . implode(' ', preg_split('/\s+/', trim($m)));
}

// attempt calls f, and returns its result and null, or null and what went wrong: then the
// extension warns and returns false. It also warns of values that it changes.
function attempt(callable $f): array
{
    $v = $warning = null;
    set_error_handler(function (int $n, string $m) use (&$warning): bool {
        $warning ??= $m;
        return true;
    });
    try {
        $v = $f();
    } catch (Throwable $e) {
        $v = false;
        $warning = get_class($e) . ': ' . $e->getMessage();
    }
    restore_error_handler();
    return $warning === null || $v !== false ? [$v, null] : [null, message($warning)];
}

class Student
{
    public string $Name = 'Ada';
    public float $Grade = 1.0;
    public ?array $Tags = null;
}

function values(): iterable
{
    foreach ([0, 127, 128, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 1,
        PHP_INT_MAX, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, PHP_INT_MIN] as $n) {
        yield "int $n" => $n;
    }
    yield 'milliseconds' => 1700000000000;
    yield 'float 5' => 5.0;
    yield 'float -0' => -0.0;
    yield 'float 0.1' => 0.1;
    yield 'float 1e+300' => 1e300;
    yield 'float 1e+16' => 1e16;
    yield 'float inf' => INF;
    yield 'float nan' => NAN;
    yield 'price' => 5.0;
    yield 'small float' => 0.1;
    yield 'nil' => null;
    yield 'true' => true;
    yield 'text' => 'hé';
    yield 'empty text' => '';
    yield 'text of 300' => str_repeat('t', 300);
    yield 'bin' => "\x00\xff";
    yield 'list' => [1, 2];
    yield 'list that lost an element' => (function () {
        $a = [1, 2, 3];
        unset($a[0]);
        return $a;
    })();
    yield 'empty list' => [];
    yield 'map' => ['k' => 7];
    yield 'empty map' => [];
    yield 'empty map, an object' => new stdClass();
    yield 'int keys' => [1 => 'x'];
    yield 'int to int' => [1 => 2];
    yield 'time' => new DateTimeImmutable('2020-01-01T00:00:00.5Z');
    yield 'record' => ['Name' => 'Ada', 'Grade' => 1.0, 'Tags' => null];
    yield 'record, an object' => new Student();
    $one = new Student();
    yield 'two mentions of an object' => [$one, $one];
    $two = (object) ['Name' => 'Ada', 'Grade' => 1.0];
    yield 'two mentions of a stdClass' => [$two, $two];
}

if ($argv[1] === 'options') {
    $mp = new MessagePack(false);
    $pack = fn (mixed $v): string => $mp->pack($v);
    $unpack = fn (string $b): mixed => $mp->unpack($b);
} else {
    $pack = msgpack_pack(...);
    $unpack = msgpack_unpack(...);
}

echo phpversion('msgpack'), "\n";
while (($line = fgets(STDIN)) !== false) {
    [$v, $err] = attempt(fn () => $unpack(hex2bin(trim($line))));
    if ($err !== null) {
        echo $err, "\n";
        continue;
    }
    [$back, $err] = attempt(fn () => bin2hex($pack($v)));
    echo show($v), "\t", $err ?? $back, "\n";
}
echo "written\n";
foreach (values() as $name => $v) {
    [$bytes, $err] = attempt(fn () => bin2hex($pack($v)));
    echo $name, "\t", $err ?? $bytes, "\n";
}
