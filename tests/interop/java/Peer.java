import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.jackson.dataformat.MessagePackExtensionType;
import org.msgpack.jackson.dataformat.MessagePackFactory;
import org.msgpack.jackson.dataformat.TimestampExtensionModule;
import org.msgpack.value.Value;
import org.msgpack.value.ValueFactory;

/** The Java peer: msgpack-core with its Value, or Jackson with the classes of java.lang and java.util. */
public class Peer {
    interface Codec {
        Object decode(byte[] bytes) throws Exception;

        byte[] encode(Object v) throws Exception;
    }

    static final HexFormat HEX = HexFormat.of();

    static String text(byte[] s) {
        String chars;
        try {
            chars = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(s)).toString();
        } catch (CharacterCodingException e) {
            StringBuilder out = new StringBuilder("\"");
            for (byte b : s) {
                out.append(b >= 0x20 ? String.valueOf((char) b) : String.format("\\x%02x", b & 0xff));
            }
            return out.append('"').toString();
        }
        StringBuilder out = new StringBuilder("\"");
        for (char c : chars.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    static String map(Map<?, ?> m) {
        List<String> entries = new ArrayList<>();
        m.forEach((k, v) -> entries.add(show(k) + ": " + show(v)));
        Collections.sort(entries);
        return "{" + String.join(", ", entries) + "}";
    }

    static String list(Iterable<?> l) {
        List<String> elements = new ArrayList<>();
        l.forEach(e -> elements.add(show(e)));
        return "[" + String.join(", ", elements) + "]";
    }

    static String show(Object o) {
        if (o instanceof Value v) {
            switch (v.getValueType()) {
                case NIL:
                    return "nil";
                case BOOLEAN:
                    return String.valueOf(v.asBooleanValue().getBoolean());
                case INTEGER:
                    return v.asIntegerValue().asBigInteger().toString();
                case FLOAT:
                    return "f(" + v.asFloatValue().toDouble() + ")";
                case STRING:
                    return text(v.asStringValue().asByteArray());
                case BINARY:
                    return "h'" + HEX.formatHex(v.asBinaryValue().asByteArray()) + "'";
                case ARRAY:
                    return list(v.asArrayValue());
                case MAP:
                    return map(v.asMapValue().map());
                default:
                    if (v.isTimestampValue()) {
                        Instant at = v.asTimestampValue().toInstant();
                        return "time(" + at.getEpochSecond() + "," + at.getNano() + ")";
                    }
                    return "ext(" + v.asExtensionValue().getType() + ",h'" + HEX.formatHex(v.asExtensionValue().getData()) + "')";
            }
        }
        if (o == null) {
            return "nil";
        }
        if (o instanceof Boolean || o instanceof Integer || o instanceof Long || o instanceof BigInteger) {
            return o.toString();
        }
        if (o instanceof Double || o instanceof Float) {
            return "f(" + o + ")";
        }
        if (o instanceof String s) {
            return text(s.getBytes(StandardCharsets.UTF_8));
        }
        if (o instanceof byte[] b) {
            return "h'" + HEX.formatHex(b) + "'";
        }
        if (o instanceof List<?> l) {
            return list(l);
        }
        if (o instanceof Map<?, ?> m) {
            return map(m);
        }
        if (o instanceof Instant at) {
            return "time(" + at.getEpochSecond() + "," + at.getNano() + ")";
        }
        if (o instanceof MessagePackExtensionType e) {
            return "ext(" + (e.getType() & 0xff) + ",h'" + HEX.formatHex(e.getData()) + "')";
        }
        return o.getClass().getSimpleName() + ": " + o;
    }

    static String message(Exception e) {
        String m = e.getClass().getSimpleName() + ": " + e.getMessage();
        return "!" + String.join(" ", m.lines().findFirst().orElse("").trim().split("\\s+"));
    }

    public static class Record {
        public String Name = "Ada";
        public double Grade = 1;
        public List<String> Tags;
    }

    static Map<String, Object> values() {
        Map<String, Object> m = new LinkedHashMap<>();
        for (String n : Arrays.asList("0", "127", "128", "255", "256", "65535", "65536", "2147483648", "4294967295", "4294967296",
                "9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807", "-1", "-32", "-33", "-128", "-129",
                "-32768", "-32769", "-2147483648", "-2147483649", "-9223372036854775808")) {
            m.put("int " + n, Long.parseLong(n));
        }
        for (String n : Arrays.asList("9223372036854775808", "18446744073709551615", "1180591620717411303424")) {
            m.put("int " + n, new BigInteger(n));
        }
        m.put("milliseconds", 1700000000000L);
        m.put("float 5", 5.0);
        m.put("float -0", -0.0);
        m.put("float 0.1", 0.1);
        m.put("float 1e+300", 1e300);
        m.put("float 1e+16", 1e16);
        m.put("float inf", Double.POSITIVE_INFINITY);
        m.put("float nan", Double.NaN);
        m.put("price", 5.0);
        m.put("small float", 0.1f);
        m.put("nil", null);
        m.put("true", true);
        m.put("text", "h\u00e9");
        m.put("empty text", "");
        m.put("text of 300", "t".repeat(300));
        m.put("bin", new byte[] {0, (byte) 255});
        m.put("empty bin", new byte[0]);
        m.put("list", Arrays.asList(1, 2));
        m.put("empty list", Arrays.asList());
        m.put("map", new TreeMap<>(Map.of("k", 7)));
        m.put("empty map", new TreeMap<>());
        m.put("int keys", new TreeMap<>(Map.of(1, "x")));
        m.put("int to int", new TreeMap<>(Map.of(1, 2)));
        m.put("time", Instant.parse("2020-01-01T00:00:00.5Z"));
        m.put("time 1969", Instant.ofEpochSecond(-2, 500_000_000));
        m.put("time 2600", Instant.parse("2600-01-01T00:00:00Z"));
        m.put("a java.util.Date", new Date(1577836800500L));
        m.put("record", new Record());
        return m;
    }

    /** value turns an object into a Value of msgpack-core; what it has no Value for it refuses. */
    static Value value(Object o) {
        if (o instanceof Value v) {
            return v;
        } else if (o == null) {
            return ValueFactory.newNil();
        } else if (o instanceof Boolean b) {
            return ValueFactory.newBoolean(b);
        } else if (o instanceof Integer n) {
            return ValueFactory.newInteger(n);
        } else if (o instanceof Long n) {
            return ValueFactory.newInteger(n);
        } else if (o instanceof BigInteger n) {
            return ValueFactory.newInteger(n);
        } else if (o instanceof Float f) {
            return ValueFactory.newFloat(f);
        } else if (o instanceof Double f) {
            return ValueFactory.newFloat(f);
        } else if (o instanceof String s) {
            return ValueFactory.newString(s);
        } else if (o instanceof byte[] b) {
            return ValueFactory.newBinary(b);
        } else if (o instanceof Instant at) {
            return ValueFactory.newTimestamp(at);
        } else if (o instanceof Date at) {
            return ValueFactory.newTimestamp(at.getTime());
        } else if (o instanceof List<?> l) {
            return ValueFactory.newArray(l.stream().map(Peer::value).toList());
        } else if (o instanceof Map<?, ?> m) {
            Map<Value, Value> values = new LinkedHashMap<>();
            m.forEach((k, v) -> values.put(value(k), value(v)));
            return ValueFactory.newMap(values);
        }
        throw new IllegalArgumentException("no Value for a class of one's own");
    }

    static class Core implements Codec {
        public Object decode(byte[] bytes) throws Exception {
            return MessagePack.newDefaultUnpacker(bytes).unpackValue();
        }

        public byte[] encode(Object v) throws Exception {
            try (MessageBufferPacker p = MessagePack.newDefaultBufferPacker()) {
                p.packValue(value(v));
                return p.toByteArray();
            }
        }
    }

    static class Jackson implements Codec {
        final ObjectMapper mapper = new ObjectMapper(new MessagePackFactory());

        Jackson(boolean timestamps) {
            if (timestamps) {
                mapper.registerModule(TimestampExtensionModule.INSTANCE);
            }
        }

        public Object decode(byte[] bytes) throws Exception {
            return mapper.readValue(bytes, Object.class);
        }

        public byte[] encode(Object v) throws Exception {
            return mapper.writeValueAsBytes(v);
        }
    }

    public static void main(String[] args) throws Exception {
        Codec codec = args[0].equals("core") ? new Core() : new Jackson(args[1].equals("options"));
        Class<?> library = args[0].equals("core") ? MessagePack.class : MessagePackFactory.class;
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        // The name of the jar holds the version: msgpack-core-1.2.3.jar
        String jar = library.getProtectionDomain().getCodeSource().getLocation().getPath();
        out.println(jar.replaceAll("^.*-([0-9][^-]*)\\.jar$", "$1"));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Object v;
            try {
                v = codec.decode(HEX.parseHex(line.trim()));
            } catch (Exception e) {
                out.println(message(e));
                continue;
            }
            String back;
            try {
                back = HEX.formatHex(codec.encode(v));
            } catch (Exception e) {
                back = message(e);
            }
            out.println(show(v) + "\t" + back);
        }
        out.println("written");
        values().forEach((name, v) -> {
            String bytes;
            try {
                bytes = HEX.formatHex(codec.encode(v));
            } catch (Exception e) {
                bytes = message(e);
            }
            out.println(name + "\t" + bytes);
        });
        out.flush();
    }
}
