"""What every call and page is made with: who may ask, what a request holds, how it is answered."""
