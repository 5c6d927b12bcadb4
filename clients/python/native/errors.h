// Exceptions: the classes are Python's, package shmq.errors; the texts are the library's.
#pragma once

#include "handle.h"

constexpr int SHMQ_PY_CLOSED = -1000; // the codes that the library doesn't have
constexpr int SHMQ_PY_SETTLED = -1001;

std::string role_word(const Handle *h);
std::string closed_text(const Handle *h);
std::string forked_text(const Handle *h);

// A codec's exception is set: an Exception becomes a DecodeError with the bytes, which it is the cause of.
void raise_undecodable(Handle *h, PyObject *data);

void define_errors(nb::module_ &m);
