// The GIL, given up and taken again.
#pragma once

#include <nanobind/nanobind.h>
#include <unistd.h>

inline bool finalizing()
{
#if PY_VERSION_HEX >= 0x030D0000
	return Py_IsFinalizing() != 0;
#else
	return _Py_IsFinalizing() != 0;
#endif
}

/*
 * Does f, which gets the GIL or runs Python code, in a frame that must not be unwound. A daemon thread never gets the GIL again
 * when the interpreter has begun to end: up to 3.13 CPython unwinds it with pthread_exit, which aborts the process at the first
 * frame that may not throw, as nanobind's, and runs destructors without the GIL. It stops here instead until the process is
 * gone, as it does from 3.14 on.
 */
template <class F> auto or_stop(F f)
{
	try {
		return f();
	} catch (...) {
		for (;;)
			pause();
	}
}

// Does f, which calls nothing of Python's, while other threads run.
template <class F> auto without_gil(F f)
{
	PyThreadState *saved = PyEval_SaveThread();
	auto result = f();
	or_stop([saved] { PyEval_RestoreThread(saved); });
	return result;
}
