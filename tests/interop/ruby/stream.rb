# frozen_string_literal: true

# Reads the values of a stream, adds a field to each, and writes it.
require 'msgpack'

factory = MessagePack::Factory.new
factory.register_type(-1, Time, packer: MessagePack::Time::Packer, unpacker: MessagePack::Time::Unpacker)
STDIN.binmode
STDOUT.binmode
factory.unpacker(STDIN).each { |v| STDOUT.write(factory.dump(v.merge('Seen' => 'Ruby'))) }
