// Signs a file and posts it to the webhook endpoint of @source@.
//
// @usage@
//
// With --print nothing is sent: the headers that name and prove the body are printed.

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
@imports@

public class Sample {
    public static void main(String[] args) throws Exception {
        String url = @url@;
        String secret = required("WEBHOOK_SECRET");
        @strip@
        @timestamp@
        @given@
        byte[] body = Files.readAllBytes(Path.of(args[0]));

        byte[] key = @key@;
        @derive@
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        @message@
        @signer@
        String signature = @signature@;

        Map<String, String> headers = new LinkedHashMap<>();
        @headers@
        if (args.length > 1 && args[1].equals("--print")) {
            headers.forEach((name, value) -> System.out.println(name + ": " + value));
            return;
        }

        headers.put("content-type", "application/json");
        @basic@
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
            .timeout(Duration.ofSeconds(@answer_seconds_max@))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        HttpResponse<String> answer =
            HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }

    private static String required(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException("set " + name);
        }
        return value;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
