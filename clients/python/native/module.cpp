#include "bell.h"
#include "block.h"
#include "ends.h"
#include "errors.h"
#include "forks.h"
#include "record.h"

// nanobind's PyInit__shmq gets another name.
#define PyInit__shmq init_in_main
NB_MODULE(_shmq, m)
{
	m.doc() = "libshmq for package shmq, which documents what is here.";
	// Records and consumers that a program's last frames hold are no fault of its.
	nb::set_leak_warnings(false);
	define_errors(m);
	define_block(m);
	define_record(m);
	define_ends(m);
	define_producer(m);
	define_consumer(m);
	define_queues(m);
	define_forks(m);
	define_bell(m);
}

#undef PyInit__shmq

/*
 * nanobind has what it knows of types once a process. An interpreter that imports the module after another one would take
 * its own for the first one's, whose objects are then of no known type. mod_wsgi, for one, makes such interpreters.
 */
static int only_in_main(PyObject *)
{
	if (PyInterpreterState_Get() == PyInterpreterState_Main())
		return 0;
	PyErr_SetString(PyExc_ImportError, "shmq: only the main interpreter of a process can import it, and this is a subinterpreter; "
					   "import it in another process, or have the program run in the main interpreter");
	return -1;
}

// From 3.13 on this runs in the main interpreter whoever imports, and what is in the slots in the one that does.
extern "C" NB_EXPORT PyObject *PyInit__shmq()
{
	static PyModuleDef_Slot slots[16];
	PyObject *o = only_in_main(nullptr) < 0 ? nullptr : init_in_main();
	if (o == nullptr || !PyObject_TypeCheck(o, &PyModuleDef_Type))
		return o;
	PyModuleDef *def = reinterpret_cast<PyModuleDef *>(o);
	if (def->m_slots == slots)
		return o;
	slots[0] = {Py_mod_exec, reinterpret_cast<void *>(only_in_main)};
	for (size_t i = 0; def->m_slots != nullptr && def->m_slots[i].slot != 0; i++) {
		if (i + 2 == sizeof slots / sizeof slots[0]) {
			PyErr_SetString(PyExc_ImportError, "shmq: built with a nanobind that it does not know");
			return nullptr;
		}
		slots[i + 1] = def->m_slots[i];
	}
	def->m_slots = slots;
	return o;
}
