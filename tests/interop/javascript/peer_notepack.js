'use strict'
const { encode, decode } = require('notepack.io')
const { serve } = require('./common')

serve('notepack.io', decode, encode)
