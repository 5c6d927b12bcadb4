//! A process that sends students, and another one that receives them, to the end of the stream:
//!
//!     cargo run --example grades receive &
//!     cargo run --example grades send Ada:1 Alan:2

use serde::{Deserialize, Serialize};
use shmq::{OpenOptions, Receiver, Sender};

#[derive(Debug, Serialize, Deserialize)]
struct Student {
    name: String,
    grade: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("send") => {
            let students = Sender::open("grades")?;
            for arg in &args[1..] {
                let (name, grade) = arg.split_once(':').ok_or("a student is NAME:GRADE")?;
                students.send(&Student {
                    name: name.to_owned(),
                    grade: grade.parse()?,
                })?;
            }
            students.finish()?; // the stream is complete
        }
        Some("receive") => {
            let students: Receiver<Student> = OpenOptions::new().until_end().consumer("grades")?.into();
            for student in students.values() {
                let student = student?;
                println!("{} {}", student.name, student.grade);
            }
        }
        _ => return Err("usage: grades send NAME:GRADE... | grades receive".into()),
    }
    Ok(())
}
