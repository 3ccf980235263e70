/* The arithmetic that decides where frames stand and end. */
#include "places.h"
