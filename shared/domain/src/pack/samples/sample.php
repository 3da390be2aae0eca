<?php
// Signs a file and posts it to the webhook endpoint of @source@.
//
// @usage@
//
// With --print nothing is sent: the headers that name and prove the body are printed.

declare(strict_types=1);

function required(string $name): string
{
    $value = getenv($name);
    if ($value === false || $value === '') {
        throw new RuntimeException("set $name");
    }
    return $value;
}

$url = @url@;
$secret = required('WEBHOOK_SECRET');
@strip@
@timestamp@
@given@
$body = file_get_contents($argv[1]);

$key = @key@;
$message = @message@;
$signature = @signature@;

$headers = [
    @headers@
];
if (($argv[2] ?? '') === '--print') {
    echo implode("\n", $headers), "\n";
    exit;
}

$headers[] = 'content-type: application/json';
@basic@
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => $headers,
    'content' => $body,
    'timeout' => @answer_seconds_max@,
    'follow_location' => 0,
    'ignore_errors' => true,
]]);
$answer = fopen($url, 'rb', false, $context);
if ($answer === false) {
    exit(1);
}
$status = (int) explode(' ', stream_get_meta_data($answer)['wrapper_data'][0])[1];
echo $status, ' ', stream_get_contents($answer), "\n";
exit($status < 300 ? 0 : 1);
