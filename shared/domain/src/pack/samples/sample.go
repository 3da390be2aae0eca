// Signs a file and posts it to the webhook endpoint of @source@.
//
// @usage@
//
// With --print nothing is sent: the headers that name and prove the body are printed.
package main

import (
	@imports@
)

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("set %s", name)
	}
	return value
}

func main() {
	@url@
	secret := @secret@
	@timestamp@
	@given@
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}

	@key@
	@derive@
	message := bytes.Join([][]byte{@message@}, nil)
	@signature@

	headers := [][2]string{
		@headers@
	}
	if len(os.Args) > 2 && os.Args[2] == "--print" {
		for _, header := range headers {
			fmt.Printf("%s: %s\n", header[0], header[1])
		}
		return
	}

	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	for _, header := range headers {
		request.Header.Set(header[0], header[1])
	}
	request.Header.Set("content-type", "application/json")
	@basic@
	client := http.Client{Timeout: @answer_seconds_max@ * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(said))
	if answer.StatusCode >= 300 {
		os.Exit(1)
	}
}
