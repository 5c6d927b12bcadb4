/*
 * A child of fork has none of its parent's mappings. Views that it inherited would fault; so what was viewed when
 * the process forked is copied, and the child gets the copies at the same addresses.
 */
#pragma once

#include "handle.h"

struct Block;

void forks_add(Handle *h);
void forks_remove(Handle *h);
void forks_add(Block *b); // it is viewed
void forks_remove(Block *b);

void define_forks(nb::module_ &m);
