#!/usr/bin/env bash
# jackson-dataformat-msgpack 0.9.11 with Jackson 2.18.4 (Java) reads a map whose key is a list as an
# empty map, takes the list's elements for what follows in the enclosing list, and drops
# the value. A map with a nil key is empty, too, and the rest of it lost. There is no error.
# One would have guessed an error, as a Java map or a text cannot stand for such a key there.
source "$(dirname "$0")/common"
jars org.msgpack:msgpack-core:0.9.11 org.msgpack:jackson-dataformat-msgpack:0.9.11

cat >Finding.java <<'J'
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HexFormat;
import org.msgpack.jackson.dataformat.MessagePackFactory;

class Finding {
    public static void main(String[] args) throws Exception {
        var mapper = new ObjectMapper(new MessagePackFactory());
        for (String hex : new String[] {"9281920102a17805", "82c001a16b07"}) {
            System.out.println(hex + " " + mapper.readValue(HexFormat.of().parseHex(hex), Object.class));
        }
    }
}
J
javac -cp 'lib/*' Finding.java
java -cp 'lib/*:.' Finding | seen '9281920102a17805 [{}, 1, 2]
82c001a16b07 {}'
