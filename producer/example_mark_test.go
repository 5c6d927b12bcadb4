package producer_test

import (
	"fmt"
	"log"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// Each start of a program goes on behind the last line that is in the queue, however the one
// before has ended. The mark is how many lines of the source are in it.
func ExampleRaw_Mark() {
	name, cleanUp := exampleQueue()
	defer cleanUp()
	source := []string{"one", "two", "three", "four"}
	send := func(most int) {
		p, err := producer.OpenRaw(name, &producer.Options{Create: shmq.Options{Producers: shmq.One}})
		if err != nil {
			log.Fatal(err)
		}
		defer p.Close()
		mark, _, err := p.Mark()
		if err != nil {
			log.Fatal(err)
		}
		for i := mark[0]; i < uint64(len(source)) && most > 0; i++ {
			if err := p.TrySendMarked([]byte(source[i]), producer.Mark{i + 1}); err != nil {
				log.Fatal(err)
			}
			most--
		}
	}
	send(3) // and no further
	send(3)
	fmt.Println("in the queue:")
	printRecords(name)
	// Output:
	// in the queue:
	// "one"
	// "two"
	// "three"
	// "four"
}
