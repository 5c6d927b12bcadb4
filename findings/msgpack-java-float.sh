#!/usr/bin/env bash
# msgpack-core 0.9.11 (Java) writes the Value of a float of 32 bits as one of 64 bits, and reads
# one of 32 bits into a Value that it writes as 64; packFloat writes 32.
# One would have guessed that a value which is read and written again takes the same bytes.
source "$(dirname "$0")/common"
jars org.msgpack:msgpack-core:0.9.11

cat >Finding.java <<'J'
import java.util.HexFormat;
import org.msgpack.core.MessagePack;
import org.msgpack.value.Value;
import org.msgpack.value.ValueFactory;

class Finding {
    public static void main(String[] args) throws Exception {
        var packer = MessagePack.newDefaultBufferPacker();
        packer.packFloat(1.5f);
        print("packFloat", packer.toByteArray());
        Value read = MessagePack.newDefaultUnpacker(packer.toByteArray()).unpackValue();
        packer.clear();
        packer.packValue(read);
        print("read and written again", packer.toByteArray());
        packer.clear();
        packer.packValue(ValueFactory.newFloat(1.5f));
        print("newFloat", packer.toByteArray());
    }

    static void print(String what, byte[] bytes) {
        System.out.println(what + " " + HexFormat.of().formatHex(bytes));
    }
}
J
javac -cp 'lib/*' Finding.java
java -cp 'lib/*:.' Finding | seen 'packFloat ca3fc00000
read and written again cb3ff8000000000000
newFloat cb3ff8000000000000'
