// Works on jobs, each in turn, until it is told to end by SIGTERM or SIGINT. Start as many as
// there are processors; send jobs with
//
//   shmq-send jobs --format json '{"id": 1, "work": 200}'
//
// A worker that is killed leaves its job to another one, to which rec.redelivered says so.
'use strict'

const { Consumer } = require('shmq')

async function work (job) {
  await new Promise(resolve => setTimeout(resolve, job.work ?? 0))
  if (job.fail) throw new Error('as told')
}

async function main (queue) {
  const jobs = await Consumer.open(queue)
  const ending = new AbortController()
  for (const s of ['SIGTERM', 'SIGINT']) process.once(s, () => ending.abort())
  try {
    for await (const rec of jobs.records({ signal: ending.signal })) {
      if (rec.redelivered >= 3) { // it fails again and again, or kills those who work on it
        console.error(`record ${rec.id}: given up`)
        continue
      }
      try {
        const job = rec.value // throws if the record is no value
        await work(job)
        console.log(`job ${job.id}: done`)
      } catch (err) {
        console.error(err.message)
        rec.release() // for another try
      }
    }
  } catch (err) {
    if (err !== ending.signal.reason) throw err
  }
  await jobs.close()
}

main(process.argv[2] ?? 'jobs')
