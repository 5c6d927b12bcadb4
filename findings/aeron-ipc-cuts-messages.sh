#!/usr/bin/env bash
# Aeron 1.51.0 (Java): a message over aeron:ipc, which is shared memory and no network, is cut
# into pieces of 1376 bytes, and a handler that polls the subscription without a FragmentAssembler
# gets the pieces. The length is that of a packet (aeron.ipc.mtu.length, 1408 with the header).
# One would have guessed that a message which never leaves the machine arrives in one piece.
source "$(dirname "$0")/common"
jars io.aeron:aeron-all:1.51.0

cat >Finding.java <<'J'
import io.aeron.Aeron;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

class Finding {
    public static void main(String[] args) {
        String dir = args[0] + "/aeron";
        var message = new UnsafeBuffer(new byte[65536]);
        try (var driver = MediaDriver.launch(new MediaDriver.Context().aeronDirectoryName(dir).dirDeleteOnShutdown(true));
                var aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(dir))) {
            for (String channel : List.of("aeron:ipc", "aeron:ipc?mtu=65504")) {
                try (Subscription in = aeron.addSubscription(channel, 1);
                        Publication out = aeron.addPublication(channel, 1)) {
                    while (out.offer(message) < 0) {
                        Thread.yield();
                    }
                    List<Integer> pieces = new ArrayList<>();
                    int bytes = 0;
                    while (bytes < message.capacity()) {
                        in.poll((buffer, at, length, header) -> pieces.add(length), 10);
                        bytes = pieces.stream().mapToInt(Integer::intValue).sum();
                    }
                    System.out.println(channel + ": " + bytes + " bytes in " + pieces.size() + " pieces, the first of " + pieces.get(0));
                }
            }
        }
    }
}
J
javac -cp 'lib/*' Finding.java
timeout 60 java --add-opens java.base/jdk.internal.misc=ALL-UNNAMED -cp 'lib/*:.' Finding "$folder" | seen 'aeron:ipc: 65536 bytes in 48 pieces, the first of 1376
aeron:ipc?mtu=65504: 65536 bytes in 2 pieces, the first of 65472'
