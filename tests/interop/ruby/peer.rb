# frozen_string_literal: true

require 'msgpack'

def text(s)
  out = +'"'
  s.dup.force_encoding(Encoding::UTF_8).each_char do |c|
    if !c.valid_encoding?
      c.each_byte { |b| out << format('\\x%02x', b) }
    elsif c == '"' || c == '\\'
      out << '\\' << c
    elsif c.ord < 0x20 || c.ord == 0x7f
      out << format('\\u%04x', c.ord)
    else
      out << c
    end
  end
  out << '"'
end

def show(v)
  case v
  when nil then 'nil'
  when true, false, Integer then v.to_s
  when Float then "f(#{v})"
  when String then v.encoding == Encoding::BINARY ? "h'#{v.unpack1('H*')}'" : text(v)
  when Symbol then ":#{v}"
  when Array then "[#{v.map { |e| show(e) }.join(', ')}]"
  when Hash then "{#{v.map { |k, e| "#{show(k)}: #{show(e)}" }.sort.join(', ')}}"
  when Time then "time(#{v.to_i},#{v.nsec})"
  when MessagePack::ExtensionValue then "ext(#{v.type},h'#{v.payload.unpack1('H*')}')"
  else "#{v.class}: #{v}"
  end
end

def values
  numbers = [0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1,
             2**63, 2**64 - 1, -1, -32, -33, -128, -129, -32768, -32769, -2**31, -2**31 - 1, -2**63, 2**70]
  numbers.map { |n| ["int #{n}", n] } + [
    ['milliseconds', 1_700_000_000_000],
    ['float 5', 5.0], ['float -0', -0.0], ['float 0.1', 0.1], ['float 1e+300', 1e300], ['float 1e+16', 1e16],
    ['float inf', Float::INFINITY], ['float nan', Float::NAN],
    ['price', 5.0], ['small float', 0.1],
    ['nil', nil], ['true', true], ['text', 'hé'], ['empty text', ''], ['text of 300', 't' * 300],
    ['bin', "\x00\xff".b], ['empty bin', ''.b], ['list', [1, 2]], ['empty list', []],
    ['map', { 'k' => 7 }], ['symbol key', { k: 7 }], ['empty map', {}], ['int keys', { 1 => 'x' }], ['int to int', { 1 => 2 }],
    ['mixed keys', { 1 => 'i', '1' => 's' }],
    ['time', Time.utc(2020, 1, 1, 0, 0, 0.5r)], ['time 1969', Time.at(-2, 500, :millisecond)], ['time 2600', Time.utc(2600, 1, 1)],
    ['record', { 'Name' => 'Ada', 'Grade' => 1.0, 'Tags' => nil }]
  ]
end

def message(err)
  "!#{err.class}: #{err.message}".split.join(' ')
end

factory = MessagePack::Factory.new
if ARGV[0] == 'options'
  factory.register_type(-1, Time, packer: MessagePack::Time::Packer, unpacker: MessagePack::Time::Unpacker)
end
allow = { allow_unknown_ext: ARGV[0] == 'options' }

puts MessagePack::VERSION
STDIN.each_line do |line|
  begin
    v = factory.load([line.chomp].pack('H*'), **allow)
  rescue StandardError => e
    puts message(e)
    next
  end
  begin
    back = factory.dump(v).unpack1('H*')
  rescue StandardError => e
    back = message(e)
  end
  puts "#{show(v)}\t#{back}"
end
puts 'written'
values.each do |name, v|
  begin
    puts "#{name}\t#{factory.dump(v).unpack1('H*')}"
  rescue StandardError => e
    puts "#{name}\t#{message(e)}"
  end
end
