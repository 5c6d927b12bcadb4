/* What the parent tells a worker by lines: "leave" and "drain". */
#ifndef ORDERS_H
#define ORDERS_H

#include <stdbool.h>
#include <stdint.h>

/* The cancel word of all handles: set when an order has come. */
extern uint32_t ordered;

/* Whether to go on until nothing comes. */
extern bool draining;

/* Begins to listen. The end of the input ends the process. */
void listen_to_orders(void);

#endif
